-- One transition: state, timers, messages, the synchronous reply, and the event's removal; or nothing.
-- Answers: OK may_send terms next_event record, the last two where there is a next event | FENCED | TIMERS, when there would be too many of them
local m, c, rdy, lse, own, try, o, ordy, olse, oown, otry, ohld, w, tmr, ts, e = unpack(KEYS)
local cid, tok, eid, state, lease, keep, stok, reply, rttl, timers, max_timers = unpack(ARGV, 2, 12)
lease = tonumber(lease)
local first = 13 + 3 * tonumber(timers)

-- What waits for a message of ours is no timer of the conversation's own, and does not count as one.
local function keeper(name) return string.sub(name, 1, 6) == 'flow:=' and e or ts end

-- The same commit again: its answer was lost, so it is only told again.
local last, version, heard, paced, gone = unpack(redis.call('HMGET', c, 'lc', 'v', 'at', 'pt', 'g'))
local again = last == tok .. eid
local mine = redis.call('HGET', own, cid) == tok
local head, nx = unpack(redis.call('LRANGE', m, 0, 1))
local may_send = again and stok ~= '' and redis.call('HGET', oown, cid) == stok
if not again then
  if not mine or not begins(head, eid) then return {'FENCED'} end
  local more = 0
  for i = 13, first - 1, 3 do
    local is_set, sets = redis.call('HEXISTS', ts, ARGV[i]), ARGV[i + 1] == '0' and 0 or 1
    if keeper(ARGV[i]) == ts then more = more + sets - is_set end
  end
  if more > 0 and redis.call('HLEN', ts) + more > tonumber(max_timers) then return {'TIMERS'} end
  -- First what frees memory: where there is none, Redis 6.2 refuses what needs some as long as nothing was written.
  redis.call('LPOP', m)
  local told = {'lc', tok .. eid, 'v', tonumber(version or '0') + 1}
  if state ~= '' then
    told[5], told[6] = 's', state
    -- Who was heard of has no end any more.
    if not heard then redis.call('PERSIST', c) end
  end
  redis.call('HSET', c, unpack(told))
  if reply ~= '' then redis.call('SET', w, reply, 'PX', rttl) end
  redis.call('HDEL', try, cid, cid .. '|l')
  for i = 13, first - 1, 3 do
    local name, due, payload = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    redis.call('ZREM', tmr, cid .. '|' .. name)
    redis.call('HDEL', keeper(name), name)
    if due > 0 then
      redis.call('ZADD', tmr, due, cid .. '|' .. name)
      redis.call('HSET', keeper(name), name, payload)
    end
  end
  local k, size = #ARGV - first + 1, 0
  for i = first, #ARGV do size = redis.call('RPUSH', o, ARGV[i]) end
  if k > 0 and redis.call('HEXISTS', oown, cid) == 0 and not redis.call('ZSCORE', ohld, cid) then
    if stok ~= '' and size == k then
      take(ordy, olse, oown, otry, cid, stok, lease)
      may_send = true
    else
      redis.call('ZADD', ordy, 'NX', now, cid)
    end
  end
end

local answer = {'OK', may_send and 1 or 0, may_send and {paced, gone} or ''}
if mine then
  if again then nx = head end
  if nx and keep == '1' then
    if not again then redis.call('HINCRBY', try, cid, 1) end
    redis.call('ZADD', lse, now + lease, cid)
    answer[4], answer[5] = nx, record(c, o)
  else
    give(nx, rdy, lse, own, cid, now)
  end
end
return answer

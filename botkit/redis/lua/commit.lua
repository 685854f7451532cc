-- One transition: state, timers, messages, the synchronous reply, and the event's removal; or nothing.
-- Answers: OK may_send next_event record terms | FENCED | TIMERS, when there would be too many of them
local m, c, rdy, lse, own, try, o, ordy, olse, oown, otry, ohld, w, tmr, ts, e = unpack(KEYS)
local cid, tok, eid, state, lease, keep, stok, reply, rttl, timers, max_timers = unpack(ARGV, 2, 12)
lease = tonumber(lease)
local first = 13 + 3 * tonumber(timers)

-- What waits for a message of ours is no timer of the conversation's own, and does not count as one.
local function keeper(name) return string.sub(name, 1, 6) == 'flow:=' and e or ts end

-- The same commit again: its answer was lost, so it is only told again.
local again = redis.call('HGET', c, 'lc') == tok .. eid
local mine = redis.call('HGET', own, cid) == tok
if not again then
  if not mine or not heads(m, eid) then return {'FENCED'} end
  local more = 0
  for i = 13, first - 1, 3 do
    local is_set, sets = redis.call('HEXISTS', ts, ARGV[i]), ARGV[i + 1] == '0' and 0 or 1
    if keeper(ARGV[i]) == ts then more = more + sets - is_set end
  end
  if more > 0 and redis.call('HLEN', ts) + more > tonumber(max_timers) then return {'TIMERS'} end
  -- First what frees memory: where there is none, Redis 6.2 refuses what needs some as long as nothing was written.
  redis.call('LPOP', m)
  if state ~= '' then
    redis.call('HSET', c, 's', state)
    redis.call('PERSIST', c)
  end
  redis.call('HSET', c, 'lc', tok .. eid)
  redis.call('HINCRBY', c, 'v', 1)
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
  local k = #ARGV - first + 1
  for i = first, #ARGV do redis.call('RPUSH', o, ARGV[i]) end
  if k > 0 and redis.call('HEXISTS', oown, cid) == 0 and not redis.call('ZSCORE', ohld, cid) then
    if stok ~= '' and redis.call('LLEN', o) == k then
      take(ordy, olse, oown, otry, cid, stok, lease)
    else
      redis.call('ZADD', ordy, 'NX', now, cid)
    end
  end
end

local may_send = (stok ~= '' and redis.call('HGET', oown, cid) == stok) and 1 or 0
local next_event = ''
if mine then
  local nx = redis.call('LINDEX', m, 0)
  if nx and keep == '1' then
    if not again then redis.call('HINCRBY', try, cid, 1) end
    redis.call('ZADD', lse, now + lease, cid)
    next_event = nx
  else
    give(m, rdy, lse, own, cid, now)
  end
end
return {'OK', may_send, next_event, record(c, o), terms(c)}

-- Notes what became of one way of a message in its record; where that way is over, the next one given is taken: once,
-- whoever tells it. To the event that told it the answer stays the same.
-- Answers: word, what the timer of the way that was taken holds, why the other is over | FENCED
local d, own, m, tmr, e = unpack(KEYS)
local cid, tok, eid, life, created = unpack(ARGV, 2, 6)
local hop, way, via, status, is_end, has_more, why, awaited, watch, later, ids = unpack(ARGV, 7, 17)
local nxt, next_via, next_awaited, next_watch, next_due, next_rest = unpack(ARGV, 18, 23)
if redis.call('HGET', own, cid) ~= tok or not heads(m, eid) then return {'FENCED', '', ''} end

local function answer(word)
  local kept = word == 'next' and redis.call('HGET', e, redis.call('HGET', d, 'tm'))
  return {word, kept or '', redis.call('HGET', d, way .. '.why') or ''}
end
local f = redis.call('HMGET', d, 'ev', 'an', 'st', 'hop', 'aw', 'tm')
if f[1] == eid then return answer(f[2]) end
local st, present, waits, tm = f[3] or 'committed', f[4] or hop, f[5] or awaited, f[6] or watch
redis.call('HSETNX', d, 'st', st)
redis.call('HSETNX', d, 'committed', created)
if not f[4] then redis.call('HSET', d, 'hop', hop, 'aw', awaited, 'tm', watch) end

local RANK = {sent = 1, delivered = 2, seen = 3}
local far = math.max(tonumber(redis.call('HGET', d, hop .. '.far') or '0'), RANK[status] or 0)
local has_arrived = redis.call('HEXISTS', d, way .. '.delivered') + redis.call('HEXISTS', d, way .. '.seen') > 0
local is_reached = far >= (RANK[waits] or 9)
-- Who waits for it to be seen goes on after it was delivered.
local is_over = st == 'seen' or st == 'failed' or st == 'expired' or (st == 'delivered' and waits ~= 'seen')
local word = ''

-- Of the way.
local function note(name)
  local is_first = redis.call('HSETNX', d, way .. '.' .. name, now) == 1
  if is_first then redis.call('HSET', d, way .. '.via', via) end
  if is_first and why ~= '' then redis.call('HSET', d, way .. '.why', why) end
  return is_first
end
-- Of the message.
local function enter(name) redis.call('HSET', d, 'st', name, name, now) end
local function close()
  redis.call('ZREM', tmr, cid .. '|' .. tm)
  redis.call('HDEL', e, tm)
end
local function take()
  close()
  redis.call('HSET', d, 'hop', nxt, 'aw', next_awaited, 'tm', next_watch)
  redis.call('HSET', d, nxt .. '.via', next_via, nxt .. '.taken', now)
  redis.call('ZADD', tmr, next_due, cid .. '|' .. next_watch)
  redis.call('HSET', e, next_watch, next_rest)
end

if RANK[status] then
  local is_first = note(status)
  redis.call('HSET', d, hop .. '.far', far)
  if ids ~= '' then redis.call('HSET', d, hop .. '.ids', ids) end
  if status == 'sent' then
    word = is_first and 'sent' or ''
    if st == 'committed' then enter('sent') end
  elseif st ~= 'seen' and st ~= 'expired' and st ~= status then
    enter(status)
    word = status
  end
  if status == 'seen' or (status == 'delivered' and waits ~= 'seen') or (status == 'sent' and is_end == '1' and present == hop) then
    close()
  elseif present == hop and is_reached then
    -- It may still be refused.
    redis.call('ZADD', tmr, 'XX', later, cid .. '|' .. tm)
  end
else
  if status == 'overdue' then has_arrived = false else if not has_arrived then note(status) end end
  local ends = is_end == '1' and present == hop and not is_over and not has_arrived
  if ends and not (status == 'overdue' and is_reached) then
    if status == 'overdue' then note(status) end
    for i = 24, #ARGV, 3 do
      redis.call('HSET', d, ARGV[i] .. '.via', ARGV[i + 1], ARGV[i] .. '.skipped', now, ARGV[i] .. '.why', ARGV[i + 2])
    end
    if nxt ~= '' then
      take()
      word = 'next'
    elseif has_more == '0' then
      close()
      if st ~= 'delivered' then
        word = status == 'expired' and 'expired' or 'failed'
        enter(word)
      end
    end
  end
end
redis.call('HSET', d, 'ev', eid, 'an', word)
redis.call('PEXPIRE', d, life)
return answer(word)

-- Stores an event once, and takes the conversation if it is idle and the caller has room.
-- Answers: MINE record attempts | OK depth | DUP reply differs | FULL
local m, x, c, rdy, lse, own, try, w, o, ordy, ohld, wake, ses, all, tmr, ts = unpack(KEYS)
local cid, eid, payload, tok = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lease, horizon, ids, depth = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local timer, due, opens, place, answers = ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14]

-- What was held is looked at again.
local function release()
  if redis.call('ZREM', ohld, cid) == 1 then redis.call('ZADD', ordy, 'NX', now, cid) end
end

-- The person wrote: the row and the hour begin anew, a session may begin or go on, and what was held goes out.
local function hear()
  local account, country, at, length, opens, slides, row, most = unpack(ARGV, 15, 22)
  local f = redis.call('HMGET', c, 'ss', 'se', 'sn', 'sr')
  local ends, from = tonumber(f[2] or '0'), math.min(tonumber(at), now)
  local till = from + tonumber(length)
  row, most = tonumber(row), tonumber(most)
  -- More in a row than the rules allow ended it; a full one that blocks ends with the person's next message.
  if f[1] and ((row > 0 and tonumber(f[4] or '0') > row) or (most > 0 and tonumber(f[3] or '0') >= most)) then
    close(c, ses, cid)
    ends = 0
  end
  if now >= ends and opens == '1' and till > now then
    redis.call('HSET', c, 'ss', from, 'se', till, 'sn', 0, 'ac', account)
    redis.call('ZADD', ses, till, cid)
  elseif now < ends and slides == '1' and till > ends then
    redis.call('HSET', c, 'se', till)
    redis.call('ZADD', ses, till, cid)
  end
  if country ~= '' then redis.call('HSET', c, 'co', country) end
  redis.call('HDEL', c, 'sr', 'hn')
  release()
end

local function mine(attempts)
  return {'MINE', record(c, o), attempts}
end

local mark = tonumber(ARGV[#ARGV]) / 1024
local seen = tonumber(redis.call('ZSCORE', x, eid) or '-1')
if seen >= 0 then
  -- A repeat writes as well: whoever waits for replicas waits for what its own connection wrote.
  redis.call('PEXPIRE', x, 2 * horizon)
  if tok ~= '' and redis.call('HGET', own, cid) == tok and heads(m, eid) then
    return mine(tonumber(redis.call('HGET', try, cid) or '0'))
  end
  -- The first wins; that the other said something else is only told.
  local differs = seen % 1 ~= 0 and seen % 1 ~= mark
  return {'DUP', redis.call('GET', w) or '', differs and 1 or 0}
end
if timer ~= '' then
  local member = cid .. '|' .. timer
  if tonumber(redis.call('ZSCORE', tmr, member) or '-1') ~= tonumber(due) then return {'DUP', '', 0} end
end
local n = redis.call('LLEN', m)
if n >= depth then return {'FULL'} end

if timer ~= '' then
  redis.call('ZREM', tmr, cid .. '|' .. timer)
  redis.call('HDEL', ts, timer)
end
remember(x, eid, horizon, ids, mark)
redis.call('RPUSH', m, eid .. payload)
if answers == '1' then hear() end
if opens ~= '' then
  local heard, gone = unpack(redis.call('HMGET', c, 'at', 'g'))
  -- A person, and no stranger who was only written to: when they were last heard of, and no end.
  if place ~= '' then redis.call('HSET', c, 'at', now, 'id', place) else redis.call('HSET', c, 'at', now) end
  if not heard then redis.call('PERSIST', c) end
  -- Who left of their own will is back when they say so, where `opens` is 2; whatever else kept them away is over.
  if gone and (opens == '1' or (opens == '2' and gone ~= 'unsubscribed')) then redis.call('HDEL', c, 'g') end
  if opens ~= '0' then redis.call('ZADD', all, 0, cid) end
end
if opens == '0' then
  redis.call('HSET', c, 'g', 'unsubscribed')
  -- It waited for a person who cannot be written to any more.
  release()
end
if redis.call('HEXISTS', own, cid) == 1 then return {'OK', n + 1} end
if n == 0 and tok ~= '' then
  return mine(take(rdy, lse, own, try, cid, tok, lease))
end
redis.call('ZADD', rdy, 'NX', now, cid)
if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
return {'OK', n + 1}

-- Puts a message into an outbox, once per key, and sets the timer that watches over it, if it has one. Answers: OK | DUP | FULL
local x, o, ordy, oown, ohld, wake, tmr, e = unpack(KEYS)
local cid, key, payload, horizon, ids, depth, timer, due, event = unpack(ARGV, 2, 10)
if redis.call('ZSCORE', x, key) then
  -- A repeat writes as well: whoever waits for replicas waits for what its own connection wrote.
  redis.call('PEXPIRE', x, 2 * horizon)
  return 'DUP'
end
if redis.call('LLEN', o) >= tonumber(depth) then return 'FULL' end
remember(x, key, tonumber(horizon), tonumber(ids))
redis.call('RPUSH', o, key .. payload)
if timer ~= '' then
  redis.call('ZADD', tmr, due, cid .. '|' .. timer)
  redis.call('HSET', e, timer, event)
end
if redis.call('HEXISTS', oown, cid) == 0 and not redis.call('ZSCORE', ohld, cid) then
  redis.call('ZADD', ordy, 'NX', now, cid)
  if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
end
return 'OK'

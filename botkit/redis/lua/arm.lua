-- Sets a timer that delivers an event of our own, once by its name, also when it has fired; with `due` 0 takes it back.
-- Answers: OK | FULL
local x, tmr, e = unpack(KEYS)
local cid, eid, name, due, event, most = unpack(ARGV, 2, 7)
if due == '0' then
  redis.call('ZREM', tmr, cid .. '|' .. name)
  redis.call('HDEL', e, name)
elseif not redis.call('ZSCORE', x, eid) and redis.call('HEXISTS', e, name) == 0 then
  if redis.call('HLEN', e) >= tonumber(most) then return 'FULL' end
  redis.call('ZADD', tmr, due, cid .. '|' .. name)
  redis.call('HSET', e, name, event)
end
return 'OK'

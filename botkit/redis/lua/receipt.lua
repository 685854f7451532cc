-- Notes that a message was sent, and that the service's id `r` stands for it; what was reported of it already comes back.
-- `mark` is what the id leads to: the message's key, or what its home is to be told, and then the record is kept there.
-- `expiry` names the event that tells that it was not delivered in time; empty if there is none.
local r, rp, d, tmr, e, m, rdy, own, wake, oown = unpack(KEYS)
local cid, tok, mark, life, created, expiry, due, event = unpack(ARGV, 2, 9)
local parked = redis.call('LRANGE', rp, 0, -1)
-- First what frees memory: where there is none, Redis 6.2 refuses what needs some as long as nothing was written.
redis.call('DEL', rp)
redis.call('SET', r, mark, 'PX', life)
if created ~= '' and advance(d, 'sent', life) then
  redis.call('HSET', d, 'committed', created)
  -- Whoever was forgotten meanwhile stays forgotten.
  if expiry ~= '' and redis.call('HGET', oown, cid) == tok then
    redis.call('ZADD', tmr, due, cid .. '|' .. expiry)
    redis.call('HSET', e, expiry, event)
  end
end
for _, name in ipairs(parked) do
  local report = redis.call('HGET', e, name)
  if report then
    redis.call('HDEL', e, name)
    redis.call('ZREM', tmr, cid .. '|' .. name)
    post(m, rdy, own, wake, cid, string.sub(name, -22) .. report)
  end
end
return 'OK'

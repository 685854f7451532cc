-- Notes what is told of a message. Answers 1 if it is news, also to the event that told it first; else 0.
local d, tmr, e = unpack(KEYS)
local cid, status, eid, life, expiry = unpack(ARGV, 2, 6)
if redis.call('HGET', d, 'ev') == eid then return 1 end
if not advance(d, status, life) then return 0 end
redis.call('HSET', d, 'ev', eid)
redis.call('ZREM', tmr, cid .. '|' .. expiry)
redis.call('HDEL', e, expiry)
return 1

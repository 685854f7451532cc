-- Ends a conversation's session as if nothing had been sent, and lets what was held be looked at again.
-- Answers whether there was anything to end.
local c, ses, ohld, ordy = unpack(KEYS)
local cid = ARGV[2]
local n = redis.call('HDEL', c, 'ss', 'se', 'sn', 'sr', 'hh', 'hn', 'sa', 'sk', 'so', 'sx')
redis.call('ZREM', ses, cid)
local held = redis.call('ZREM', ohld, cid)
if held == 1 then redis.call('ZADD', ordy, 'NX', now, cid) end
return n + held

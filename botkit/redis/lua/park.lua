-- Puts a report aside whose message is not known yet: it comes back when that is noted as sent, or at its time.
-- Answers: the message's key, if it became known | empty, put aside | FULL | FENCED
local r, rp, m, rdy, lse, own, try, tmr, e = unpack(KEYS)
local cid, tok, eid, name, delay, most = unpack(ARGV, 2, 7)
if redis.call('HGET', own, cid) ~= tok or not heads(m, eid) then return 'FENCED' end
local key = redis.call('GET', r)
if key then return key end
if redis.call('HLEN', e) >= tonumber(most) then return 'FULL' end
local report = string.sub(redis.call('LPOP', m), #eid + 1)
redis.call('HDEL', try, cid, cid .. '|l')
redis.call('ZADD', tmr, now + tonumber(delay), cid .. '|' .. name)
redis.call('HSET', e, name, report)
redis.call('RPUSH', rp, name)
redis.call('PEXPIRE', rp, 2 * tonumber(delay))
give(redis.call('EXISTS', m) == 1, rdy, lse, own, cid, now)
return ''

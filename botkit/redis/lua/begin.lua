-- Notes an attempt that may be made once only, before it is made; it stays until it is known what became of it.
-- Answers: NEW | AGAIN, if an earlier attempt at this message may have arrived | FENCED
local oown, otry = unpack(KEYS)
local cid, tok, attempt, notes = unpack(ARGV, 2, 5)
if redis.call('HGET', oown, cid) ~= tok then return 'FENCED' end
local was = redis.call('HGET', otry, cid .. '|b')
if was and was ~= attempt then return 'AGAIN' end
if notes == '1' then redis.call('HSET', otry, cid .. '|b', attempt) end
return 'NEW'

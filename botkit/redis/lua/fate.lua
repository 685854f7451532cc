-- Notes what became of a recipient's message, once: the first of the ends stands, each report counts once.
-- Answers: 1 if it is news | 0
local h, bits = unpack(KEYS)
local index, counter, life = unpack(ARGV, 2, 4)
if redis.call('EXISTS', h) == 0 or redis.call('SETBIT', bits, index, 1) == 1 then return 0 end
redis.call('PEXPIRE', bits, life)
redis.call('HINCRBY', h, counter, 1)
return 1

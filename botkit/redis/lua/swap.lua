-- Writes a value in place of the one that was read, if nobody changed it meanwhile. Answers: 1 | 0
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
return 1

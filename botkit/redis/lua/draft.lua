-- Begins a broadcast, unless there is one of this id: it may have gone further meanwhile. Answers: 1 | 0
local h = KEYS[1]
local what, life = ARGV[2], ARGV[3]
if redis.call('EXISTS', h) == 1 then return 0 end
redis.call('HSET', h, 'what', what, 'stage', 'draft', 'created', now)
redis.call('PEXPIRE', h, life)
return 1

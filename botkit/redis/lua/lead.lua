-- Makes the caller the one who works on a broadcast, unless another one is. Answers: 1 | 0
local h = KEYS[1]
local token, life = ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', h) == 0 then return 0 end
local f = redis.call('HMGET', h, 'leader', 'until')
local till = tonumber(f[2] or '0')
-- Longer than a lease, it comes from a clock that was set back.
if f[1] and f[1] ~= token and now < till and till <= now + life then return 0 end
redis.call('HSET', h, 'leader', token, 'until', now + life)
return 1

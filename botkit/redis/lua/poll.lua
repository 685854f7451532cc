-- Takes an account's turn at asking its service. Answers: the milliseconds until there is one (0 = taken), the cursor.
local p = KEYS[1]
local token, every, lease = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local f = redis.call('HMGET', p, 'due', 'token', 'until', 'cursor')
local due, till = tonumber(f[1] or '0'), tonumber(f[3] or '0')
-- Longer than an interval or a lease, they come from a clock that was set back.
if f[2] and f[2] ~= token and now < till and till <= now + lease then return {till - now, ''} end
if now < due and due <= now + every then return {due - now, ''} end
redis.call('HSET', p, 'token', token, 'until', now + lease)
return {0, f[4] or ''}

-- Gives a turn at asking back, with what is to be kept of it. Answers: 1 | 0, if it is somebody else's by now.
local p = KEYS[1]
local token, every, cursor = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', p, 'token') ~= token then return 0 end
redis.call('HSET', p, 'due', now + every)
if cursor then redis.call('HSET', p, 'cursor', cursor) end
redis.call('HDEL', p, 'token', 'until')
return 1

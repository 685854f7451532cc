-- Notes how many recipients of a lane have their message in the outbox, if the broadcast stands where the caller thinks.
-- Answers: 1 | 0
local h = KEYS[1]
local fed, at, start, stop = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if (redis.call('HGET', h, fed) or '0') ~= start then return 0 end
redis.call('HSET', h, fed, stop, at, now)
return 1

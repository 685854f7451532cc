-- Takes one from each bucket of an account, unless the account rests or one of them has not enough.
-- Of each bucket: its interval in microseconds, its burst, and how much of that must be left.
-- Answers {ms to rest, ms to wait}; with both 0 the message may go.
local rest = resting(KEYS[1])
if rest > 0 then return {rest, 0} end
local us = t[1] * 1000000 + t[2] + ARGV[1] * 1000
local taken, wait = {}, 0
for i = 2, #KEYS do
  local interval, burst, left = tonumber(ARGV[3 * i - 4]), tonumber(ARGV[3 * i - 3]), tonumber(ARGV[3 * i - 2])
  local f = redis.call('HMGET', KEYS[i], 'at', 'q' .. left)
  local at = tonumber(f[1] or '0')
  -- Further ahead than a burst, it comes from a clock that was set back.
  if at < us or at > us + burst * interval then at = us end
  local free = at - (burst - left - 1) * interval
  if free > us then
    -- Each is told a time of its own: all that wait would come back at once, again and again.
    local last = tonumber(f[2] or '0')
    -- No turn is given further ahead.
    if last > us + 600000000 then last = 0 end
    local turn = math.min(math.max(free, last + interval), us + 600000000)
    redis.call('HSET', KEYS[i], 'q' .. left, string.format('%.0f', turn))
    redis.call('PEXPIRE', KEYS[i], 3600000 + math.ceil(burst * interval / 1000))
    wait = math.max(wait, math.ceil((turn - us) / 1000))
  end
  taken[i] = {at + interval, 3600000 + math.ceil(burst * interval / 1000)}
end
if wait == 0 then
  for i = 2, #KEYS do
    redis.call('HSET', KEYS[i], 'at', string.format('%.0f', taken[i][1]))
    redis.call('PEXPIRE', KEYS[i], taken[i][2])
  end
end
return {0, wait}

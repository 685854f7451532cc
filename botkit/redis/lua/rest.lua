-- Lets an account rest for so many milliseconds, never shorter than it was to; beside the end stands the beginning.
local till = now + tonumber(ARGV[2])
if till > now + resting(KEYS[1]) then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', till, now), 'PX', ARGV[2])
end
return till

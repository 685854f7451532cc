-- Brings a broadcast to another stage, if it is in one from which there is a way. Its recipients stay while it may run.
-- Answers: 1 | 0
local h = KEYS[1]
local stage, starts, life = ARGV[2], ARGV[3], ARGV[4]
local was = redis.call('HGET', h, 'stage')
if was == stage then return 1 end
local may = false
for i = 5, #ARGV do may = may or was == ARGV[i] end
if not may then return 0 end
redis.call('HSET', h, 'stage', stage)
if stage == 'running' and was == 'draft' then
  redis.call('HSET', h, 'starts', math.max(tonumber(starts), now))
  for _, key in ipairs(KEYS) do redis.call('PERSIST', key) end
elseif stage == 'done' or stage == 'cancelled' then
  redis.call('HSET', h, 'ended', now)
  for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
  redis.call('PEXPIRE', h, life)
end
return 1

-- Brings a broadcast to another stage, if it is in one from which there is a way. Its recipients stay while it may run,
-- and with `keeps` as long as its numbers. Answers: 1 | 0
local h = KEYS[1]
local stage, starts, life, keeps = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local was = redis.call('HGET', h, 'stage')
if was == stage then return 1 end
local may = false
for i = 6, #ARGV do may = may or was == ARGV[i] end
if not may then return 0 end
redis.call('HSET', h, 'stage', stage)
if stage == 'running' and was == 'draft' then
  redis.call('HSET', h, 'starts', math.max(tonumber(starts), now))
  for _, key in ipairs(KEYS) do redis.call('PERSIST', key) end
elseif stage == 'done' or stage == 'cancelled' then
  redis.call('HSET', h, 'ended', now)
  for i = 2, #KEYS do
    if keeps == '1' then redis.call('PEXPIRE', KEYS[i], life) else redis.call('DEL', KEYS[i]) end
  end
  redis.call('PEXPIRE', h, life)
end
return 1

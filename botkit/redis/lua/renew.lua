-- Prolongs leases: lease, then cid and token in turn. Answers the conversations that somebody else holds now.
local lse, own = unpack(KEYS)
local lost = {}
for i = 3, #ARGV, 2 do
  if redis.call('HGET', own, ARGV[i]) == ARGV[i + 1] then
    -- Without memory, Redis 6.2 refuses what needs some as long as nothing was written.
    redis.call('ZREM', lse, ARGV[i])
    redis.call('ZADD', lse, now + tonumber(ARGV[2]), ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost

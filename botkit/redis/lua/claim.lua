-- Returns ended leases to the ready set, then takes what is due: {ms to the next due or -1, {cid, attempts, ms since it was due, ...}}
-- A score beyond `far` cannot be ours: the server's clock was set back, so it counts as due.
local rdy, lse, own, try, ohld = unpack(KEYS)
local tok, lease, max, far = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local function back(cids)
  for _, cid in ipairs(cids) do
    redis.call('ZREM', lse, cid)
    redis.call('HDEL', own, cid)
    redis.call('ZADD', rdy, 'NX', now, cid)
  end
end
back(redis.call('ZRANGEBYSCORE', lse, '-inf', now, 'LIMIT', 0, 50))
back(redis.call('ZRANGEBYSCORE', lse, now + far, '+inf', 'LIMIT', 0, 50))
for _, cid in ipairs(redis.call('ZRANGEBYSCORE', rdy, now + far, '+inf', 'LIMIT', 0, 50)) do
  redis.call('ZADD', rdy, now, cid)
end
-- What is held may have a time at which it is looked at again.
for _, cid in ipairs(ohld and redis.call('ZRANGEBYSCORE', ohld, '-inf', now, 'LIMIT', 0, 50) or {}) do
  redis.call('ZREM', ohld, cid)
  redis.call('ZADD', rdy, 'NX', now, cid)
end

local out = {}
local due = redis.call('ZRANGEBYSCORE', rdy, '-inf', now, 'WITHSCORES', 'LIMIT', 0, max)
for i = 1, #due, 2 do
  out[#out + 1] = due[i]
  out[#out + 1] = take(rdy, lse, own, try, due[i], tok, lease)
  out[#out + 1] = now - tonumber(due[i + 1])
end
local a = redis.call('ZRANGE', rdy, 0, 0, 'WITHSCORES')[2]
local b = redis.call('ZRANGE', lse, 0, 0, 'WITHSCORES')[2]
local h = ohld and redis.call('ZRANGE', ohld, 0, 0, 'WITHSCORES')[2]
local d = math.min(tonumber(a or 9e15), tonumber(b or 9e15), tonumber(h or 9e15))
return {d < 9e15 and math.max(0, d - now) or -1, out}

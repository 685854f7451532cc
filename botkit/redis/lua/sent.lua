-- Removes a message that was sent (or that nobody needs any more). Answers: OK next | FENCED
local o, ordy, olse, oown, otry = unpack(KEYS)
local cid, tok, key, lease, keep = unpack(ARGV, 2, 6)
if redis.call('HGET', oown, cid) ~= tok then return {'FENCED', ''} end
local first = heads(o, key)
if first then
  redis.call('LPOP', o)
  redis.call('HDEL', otry, cid, cid .. '|u')
end
return {'OK', go_on(o, ordy, olse, oown, otry, cid, tonumber(lease), keep, first)}

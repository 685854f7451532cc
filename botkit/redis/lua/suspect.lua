-- Counts an attempt at an event that is made alone in its process, before it is made; a verdict ends the count.
-- Answers: how many there were before | -1, where the turn is another's
local own, try = unpack(KEYS)
local cid, tok, attempt = unpack(ARGV, 2, 4)
if redis.call('HGET', own, cid) ~= tok then return -1 end
local count, last = string.match(redis.call('HGET', try, cid .. '|l') or '', '^(%d+) (.*)$')
count = tonumber(count or '0')
if last == attempt then return count - 1 end
redis.call('HSET', try, cid .. '|l', (count + 1) .. ' ' .. attempt)
return count

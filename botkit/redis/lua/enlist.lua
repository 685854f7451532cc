-- Adds recipients to the lane of a draft, each once. Answers the place of each; -1 if it is not there and can't be.
local h, to, places = unpack(KEYS)
local total, life = ARGV[2], ARGV[3]
local is_draft = redis.call('HGET', h, 'stage') == 'draft'
local answer, added = {}, 0
for i = 4, #ARGV do
  local place = tonumber(redis.call('HGET', places, ARGV[i]) or '-1')
  if place < 0 and is_draft then
    place = redis.call('RPUSH', to, ARGV[i]) - 1
    redis.call('HSET', places, ARGV[i], place)
    added = added + 1
  end
  answer[i - 3] = place
end
if added > 0 then
  redis.call('HINCRBY', h, total, added)
  -- All of it ends together: a list without its numbers would be counted as empty.
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, life) end
end
return answer

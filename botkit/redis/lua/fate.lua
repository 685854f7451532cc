-- Notes what became of a recipient's message, once: the first of the ends stands, each report counts once.
-- `mark` is the letter of an end; a report has a bit. Answers: 1 if it is news | 0
local h, marks = unpack(KEYS)
local index, counter, life, mark = unpack(ARGV, 2, 5)
if redis.call('EXISTS', h) == 0 then return 0 end
if mark == '' then
  if redis.call('SETBIT', marks, index, 1) == 1 then return 0 end
else
  local was = redis.call('GETRANGE', marks, index, index)
  if was ~= '' and was ~= '\0' then return 0 end
  redis.call('SETRANGE', marks, index, mark)
end
redis.call('PEXPIRE', marks, life)
redis.call('HINCRBY', h, counter, 1)
return 1

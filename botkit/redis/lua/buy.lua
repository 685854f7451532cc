-- Books a message that no session covers in its account's month. Answers the entry, or nothing where there is none.
local month = KEYS[1]
local free, charged_as, keep = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local entry = charged_as
if tonumber(redis.call('HGET', month, 'free') or '0') < free then entry = 'free' end
if entry ~= '' then
  redis.call('HINCRBY', month, entry, 1)
  redis.call('PEXPIRE', month, keep)
end
return entry

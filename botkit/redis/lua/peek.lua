-- Looks at a mailbox from its head on. Changes nothing. Answers: the ms since the head came in, the entries behind it.
local m, x = unpack(KEYS)
local eid, entries = ARGV[2], tonumber(ARGV[3])
return {now - math.floor(tonumber(redis.call('ZSCORE', x, eid) or '0')), redis.call('LRANGE', m, 1, entries)}

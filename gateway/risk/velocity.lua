-- Sliding counters of several subjects in one call. One small string per subject:
--   16 x u32  hashes of the last baskets counted (a basket that is asked about again does not count again)
--   per window 3 x u32: number of the current bucket, its count, count of the bucket before
-- KEYS: one per subject. ARGV: now in seconds, hash of the basket (u32), longest window, then each window in seconds.
-- Answer: per subject and window the count of other baskets, by the two-bucket estimate, rounded down.
local find, floor, sub, unpacked = string.find, math.floor, string.sub, struct.unpack
local now, mark, keep = tonumber(ARGV[1]), struct.pack('<I4', tonumber(ARGV[2])), 2 * tonumber(ARGV[3])
local windows, ring = #ARGV - 3, 4 * 16
local form, length = '<' .. string.rep('I4', 3 * windows), ring + 12 * windows
local nothing = string.rep('\0', length)
local bucket, left = {}, {}
for w = 1, windows do
  local size = tonumber(ARGV[3 + w])
  bucket[w], left[w] = floor(now / size), 1 - (now % size) / size
end
local stored = redis.call('MGET', unpack(KEYS))
local answer = {}
for place = 1, #KEYS do
  local state = stored[place]
  if not state or #state ~= length then state = nothing end
  local at = find(state, mark, 1, true)
  while at and at % 4 ~= 1 do at = find(state, mark, at + 1, true) end -- the same bytes across two hashes
  local seen = at and at <= ring
  local counts = { unpacked(form, state, ring + 1) }
  for w = 1, windows do
    local i = 3 * w - 2
    local before = bucket[w] - counts[i]
    if before ~= 0 then
      counts[i + 2] = before == 1 and counts[i + 1] or 0
      counts[i], counts[i + 1] = bucket[w], 0
    end
    local count = counts[i + 1]
    if not seen then
      if count < 4000000000 then counts[i + 1] = count + 1 end
    elseif count > 0 then
      count = count - 1
    end
    answer[#answer + 1] = floor(count + counts[i + 2] * left[w])
  end
  if not seen then
    local kept = mark .. sub(state, 1, ring - 4) .. struct.pack(form, unpack(counts, 1, 3 * windows))
    redis.call('SET', KEYS[place], kept, 'EX', keep)
  end
end
return answer

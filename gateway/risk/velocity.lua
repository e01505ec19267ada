-- Sliding counters of several subjects in one call. One small string per subject:
--   16 x u32  hashes of the last baskets counted (a basket that is asked about again does not count again)
--   per window 3 x u32: number of the current bucket, its count, count of the bucket before
-- KEYS: one per subject. ARGV: now in seconds, hash of the basket (u32), longest window, then each window in seconds.
-- Answer: per subject and window the count of other baskets, by the two-bucket estimate, rounded down.
local now, basket, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local windows = #ARGV - 3
local ring = 16
local form = '<' .. string.rep('I4', ring + 3 * windows)
local stored = redis.call('MGET', unpack(KEYS))
local answer = {}
for place = 1, #KEYS do
  local state
  if stored[place] and #stored[place] == 4 * (ring + 3 * windows) then
    state = { struct.unpack(form, stored[place]) }
  else
    state = {}
    for i = 1, ring + 3 * windows do state[i] = 0 end
  end
  local seen = false
  for i = 1, ring do
    if state[i] == basket then seen = true break end
  end
  for w = 1, windows do
    local size, at = tonumber(ARGV[3 + w]), ring + 3 * (w - 1)
    local bucket = math.floor(now / size)
    if state[at + 1] ~= bucket then
      state[at + 3] = (state[at + 1] == bucket - 1) and state[at + 2] or 0
      state[at + 1], state[at + 2] = bucket, 0
    end
    if not seen then state[at + 2] = math.min(state[at + 2] + 1, 4000000000) end
    local left = 1 - (now % size) / size
    local others = math.max(state[at + 2] - 1, 0)
    answer[#answer + 1] = math.floor(others + state[at + 3] * left)
  end
  if not seen then
    for i = ring, 2, -1 do state[i] = state[i - 1] end
    state[1] = basket
    redis.call('SET', KEYS[place], struct.pack(form, unpack(state, 1, ring + 3 * windows)), 'EX', 2 * keep)
  end
end
return answer

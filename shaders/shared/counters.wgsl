// Counts per trial, 64 bits where 32 could overflow. Mirror: `TrialCounters` in src/engine/gpu/layout.rs.
// The pass declares `counters`: one entry per trial of the batch.

struct TrialCounters {
    clipped_low: atomic<u32>,
    clipped_high: atomic<u32>,
    saturated_low: atomic<u32>,
    saturated_high: atomic<u32>,
    correct: atomic<u32>,
    unused: u32,
}

fn count_clipped(trial: u32, clipped: u32) {
    if clipped == 0u {
        return;
    }
    let before = atomicAdd(&counters[trial].clipped_low, clipped);
    if before + clipped < before {
        atomicAdd(&counters[trial].clipped_high, 1u);
    }
}

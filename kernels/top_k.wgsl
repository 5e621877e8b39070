// top_k: for each row the numbers of its SLOTS largest words, largest first, and their softmax among themselves.
//
// Which experts a token goes to: a row holds what the router says of each expert. Of equal words the one with the lower
// number comes first. NaN and infinity below zero are passed over; where too few others are left, the rest of the row is
// number 0 with weight 0. A row is short, so one invocation takes it and reads it once for each slot.
//
// Dispatch: one invocation for each row, in workgroups of 32 along x.
// Twin: src/kernel/top_k.rs. Tolerance: numbers are exact; weights 1e-5 by norm.

// Words of a row, up to 64.
override COLUMNS: u32;
// Words between two rows.
override STRIDE: u32;
// Words that are taken of a row.
override SLOTS: u32;

const LEAST = -3.4028234e38;

// rows x STRIDE, padded to 32 rows.
@group(0) @binding(0) var<storage, read> x: array<f32>;
// rows x SLOTS pairs of a number and its weight, padded alike.
@group(0) @binding(1) var<storage, read_write> choice: array<vec2<f32>>;

// The words that were taken, less the largest.
var<private> taken: array<f32, 64>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let row = invocation.x;
    var largest = LEAST;
    var last = LEAST;
    var last_at = 0u;
    var sum = 0.0;
    var count = 0u;
    for (var slot = 0u; slot < SLOTS; slot++) {
        var top = LEAST;
        var at = COLUMNS;
        for (var i = 0u; i < COLUMNS; i++) {
            let word = x[row * STRIDE + i];
            // What comes after the last one that was taken: smaller, or as large and further on.
            let after = slot == 0u || word < last || (word == last && i > last_at);
            if after && word > top {
                top = word;
                at = i;
            }
        }
        if at == COLUMNS {
            break;
        }
        if slot == 0u {
            largest = top;
        }
        last = top;
        last_at = at;
        taken[slot] = exp(top - largest);
        sum += taken[slot];
        choice[row * SLOTS + slot].x = f32(at);
        count++;
    }
    for (var slot = 0u; slot < SLOTS; slot++) {
        if slot < count {
            choice[row * SLOTS + slot].y = taken[slot] / sum;
        } else {
            choice[row * SLOTS + slot] = vec2<f32>();
        }
    }
}

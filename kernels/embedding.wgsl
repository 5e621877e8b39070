// embedding: y[t] = table[tokens[t]], a row of the table for each token.
//
// Dispatch: one invocation for each vector of 4 results, workgroups of 64 in rows of ROW workgroups.
// Twin: src/kernel/embedding.rs. Tolerance: none, words are moved.

// Tokens.
override TOKENS: u32;
// Rows of the table; a token past its end is read as the last one.
override ROWS: u32;
// Padded columns in vectors of 4.
override COLUMNS_4: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;

// A row number for each token.
@group(0) @binding(0) var<storage, read> tokens: array<u32>;
// rows x columns, padded to 4 columns.
@group(0) @binding(1) var<storage, read> table: array<vec4<f32>>;
// tokens x columns, padded alike.
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let i = (workgroup.y * ROW + workgroup.x) * 64u + invocation;
    if i < TOKENS * COLUMNS_4 {
        let row = min(tokens[i / COLUMNS_4], ROWS - 1u);
        y[i] = table[row * COLUMNS_4 + i % COLUMNS_4];
    }
}

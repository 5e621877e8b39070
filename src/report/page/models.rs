//! The models: what was loaded, and what each does with its tokens or images.

use super::super::result::FlightResult;
use super::super::summary::rate;
use super::super::table::scaled;
use super::super::workload::WorkloadResult;
use super::head::{kind, marked, work_per};
use super::html::{escape, table};
use crate::journal::WorkloadRecord;

/// The tables; a sentence where no model ran.
pub(super) fn models(result: &FlightResult) -> String {
    let Some(conditions) = &result.conditions else { return "<p>No machine was opened.</p>\n".into() };
    let free = |name: &str| result.unconstrained.iter().find(|workload| workload.name == name);
    let is_model = |workload: &&WorkloadRecord| !["FLOP", "byte", "batch"].contains(&workload.unit.as_str());
    let rows: Vec<Vec<String>> =
        conditions.workloads.iter().filter(is_model).map(|workload| row(workload, free(&workload.name))).collect();
    if rows.is_empty() {
        return "<p>No model ran in this flight.</p>\n".into();
    }
    let loaded = match (&conditions.model, conditions.model_is_real) {
        (Some(model), true) => format!("<p>Loaded: {}.</p>\n", escape(model)),
        (Some(model), false) => {
            format!("<p><strong>Seeded weights, not the published ones.</strong> Loaded: {}.</p>\n", escape(model))
        }
        (None, _) => String::new(),
    };
    let work = format!("work per joule{}", marked(kind(result)));
    let titles = ["workload", "model", "weights", "read for a token", "prompt", "written", "cache", "rate", &work];
    loaded + &table("Each model and its rate", 2, &titles, &rows)
}

fn row(workload: &WorkloadRecord, free: Option<&WorkloadResult>) -> Vec<String> {
    let model = workload.model.as_ref();
    let tokens = |count: u32| if count == 0 { "-".into() } else { count.to_string() };
    vec![
        workload.name.clone(),
        model.map_or_else(|| workload.test.clone(), |model| model.model_type.clone()),
        model.map_or("-".into(), |model| scaled(model.model_n_params as f64, "").trim().to_owned()),
        model.map_or("-".into(), |model| scaled(model.weight_bytes_per_token as f64, "byte")),
        tokens(workload.n_prompt),
        tokens(workload.n_gen),
        tokens(workload.n_depth),
        free.map_or("-".into(), rate),
        free.and_then(|free| free.work_per_joule.value).map_or("-".into(), |value| work_per(value, &workload.unit)),
    ]
}

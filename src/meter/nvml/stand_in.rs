//! A management library that a file makes up, for tests of the whole program on machines without a board.
//!
//! ```toml
//! [[board]]
//! name = "NVIDIA H100 80GB HBM3"
//! id = "GPU-1"
//! pci_address = "0000:65:00.0"      # if it has one
//! architecture = "hopper"           # before_ampere, ga100, ampere_or_ada, hopper, other
//! power_w = 250.0                   # the energy counter runs at this, if it is said
//! energy_period_s = 0.02            # and is renewed so often
//! processes = [4242]                # or a cause
//! [board.says]                      # a whole number, or a cause; what is not here is "not_supported"
//! power_usage = 250000
//! enforced_limit = 700000
//! "field 186" = "lost"
//! "field 185 scope 1" = 612000
//! [[board.later]]                   # what it says from then on, later ones over earlier ones
//! after_s = 5.0
//! [board.later.says]
//! enforced_limit = 900000
//! ```
//!
//! What such a board says is never a measurement: its provenance is "modelled", and it has no band.

use super::{Architecture, Device, Identity, Question};
use crate::meter::board::{BoardDriver, Boards};
use crate::meter::probe::Refusal;
use crate::reading::NoData;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use strum::VariantNames;

/// Prefix of the sources: no limit of a real board is ever found under it.
const NAME: &str = "nvml-stand-in";

/// The library in a file.
#[derive(Clone, Debug)]
pub struct StandInDriver {
    /// Where the file lies.
    pub file: PathBuf,
}

impl BoardDriver for StandInDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn boards(&self) -> Boards {
        let refuse = |cause, why: String| Refusal::new(cause, format!("{}: {why}", self.file.display()));
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| refuse(crate::meter::sysfs::cause_of(&error), error.to_string()))?;
        let boards = StandIn::parse(&text).map_err(|why| refuse(NoData::Implausible, why))?;
        let device = |stand_in: StandIn| -> Result<Box<dyn Device>, Refusal> { Ok(Box::new(stand_in)) };
        Ok(boards.into_iter().map(device).collect())
    }
}

/// What the file says of all boards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    board: Vec<Said>,
}

/// What it says of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    name: String,
    id: String,
    pci_address: Option<String>,
    #[serde(default = "unsaid")]
    architecture: Architecture,
    power_w: Option<f64>,
    #[serde(default = "fiftieth")]
    energy_period_s: f64,
    #[serde(default)]
    processes: Answer<Vec<u32>>,
    #[serde(default)]
    says: BTreeMap<String, Answer<u64>>,
    #[serde(default)]
    later: Vec<Later>,
}

/// What a board says from a time on, since the library was loaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    after_s: f64,
    says: BTreeMap<String, Answer<u64>>,
}

fn unsaid() -> Architecture {
    Architecture::Other
}

fn fiftieth() -> f64 {
    0.02
}

/// A value, or a cause by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Value(T),
    Cause(NoData),
}

impl<T> Default for Answer<T> {
    fn default() -> Answer<T> {
        Answer::Cause(NoData::NotSupported)
    }
}

impl<T: Clone> Answer<T> {
    fn given(&self) -> Result<T, NoData> {
        match self {
            Answer::Value(value) => Ok(value.clone()),
            Answer::Cause(cause) => Err(*cause),
        }
    }
}

/// A board that says what it is told; its clones are the same board.
#[derive(Clone, Debug)]
pub struct StandIn {
    identity: Identity,
    said: Arc<Mutex<Said>>,
    start: Instant,
}

impl StandIn {
    /// The boards of a file's text.
    ///
    /// # Errors
    /// What is wrong with the text, in words.
    pub fn parse(text: &str) -> Result<Vec<StandIn>, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.board.into_iter().map(StandIn::new).collect()
    }

    fn new(said: Said) -> Result<StandIn, String> {
        let known = Question::VARIANTS;
        for name in said.says.keys().chain(said.later.iter().flat_map(|later| later.says.keys())) {
            if !known.contains(&name.as_str()) && field_of(name).is_none() {
                return Err(format!(
                    "`{name}`: no question; it must be one of {}, `field N` or `field N scope S`",
                    known.join(", ")
                ));
            }
        }
        let is_positive = |number: f64| number.is_finite() && number > 0.0;
        if !said.power_w.is_none_or(is_positive) || !is_positive(said.energy_period_s) {
            return Err("power_w and energy_period_s must be above 0".to_owned());
        }
        let identity = Identity {
            name: said.name.clone(),
            id: said.id.clone(),
            pci_address: said.pci_address.clone(),
            architecture: said.architecture,
        };
        Ok(StandIn { identity, said: Arc::new(Mutex::new(said)), start: Instant::now() })
    }

    /// Lets the board answer `question` with this from now on.
    pub fn say(&self, question: Question, answer: Result<u64, NoData>) {
        let answer = answer.map_or_else(Answer::Cause, Answer::Value);
        self.said().says.insert(name_of(question), answer);
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, question: Question) -> Result<u64, NoData> {
        let (said, name, elapsed) = (self.said(), name_of(question), self.start.elapsed().as_secs_f64());
        let in_force = said.later.iter().rev().filter(|later| later.after_s <= elapsed);
        let answer = in_force.filter_map(|later| later.says.get(&name)).next().or_else(|| said.says.get(&name));
        match (answer, question, said.power_w) {
            (Some(answer), ..) => answer.given(),
            (None, Question::Energy, Some(power_w)) => {
                let updates = (elapsed / said.energy_period_s).floor();
                Ok((power_w * 1e3 * updates * said.energy_period_s) as u64)
            }
            _ => Err(NoData::NotSupported),
        }
    }
}

impl Device for StandIn {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Result<u64, NoData>> {
        questions.iter().map(|&question| self.answer(question)).collect()
    }

    fn processes(&mut self) -> Result<Vec<u32>, NoData> {
        self.said().processes.given()
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        match self.answer(Question::PowerUsage) {
            Err(NoData::Lost) => Err(NoData::Lost),
            _ => Ok(()),
        }
    }

    fn is_stand_in(&self) -> bool {
        true
    }
}

/// The name that a file has for a question.
fn name_of(question: Question) -> String {
    match question {
        Question::Field { id, scope: 0 } => format!("field {id}"),
        Question::Field { id, scope } => format!("field {id} scope {scope}"),
        plain => plain.to_string(),
    }
}

/// The field that `name` means; a name is one only as [`name_of`] writes it.
fn field_of(name: &str) -> Option<Question> {
    let rest = name.strip_prefix("field ")?;
    let (id, scope) = rest.split_once(" scope ").unwrap_or((rest, "0"));
    let question = Question::Field { id: id.parse().ok()?, scope: scope.parse().ok()? };
    (name_of(question) == name).then_some(question)
}

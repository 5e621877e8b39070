//! The command line: words in, exit code out.
//!
//! Exit codes: 0 valid; 1 tool error; 2 usage or bad input; 10 result invalid; 13 envelope violated; 14 required device
//! or power source missing; 130 interrupted. Results are written before any non-zero exit. What people read goes to
//! standard error; standard output holds the answer alone.

mod arguments;
mod bench;
mod bench_arguments;
mod devices;
mod doctor;
mod equipment;
mod failure;
mod instant;
mod interrupts;
mod limits;
mod loading;
mod merge;
mod models;
mod overhead;
mod plant;
mod profile;
mod report_arguments;
mod results;
mod run;
mod simulate;
mod simulate_table;
mod simulated_flight;
mod sweep;
mod system;

use crate::flight;
use arguments::{Arguments, Verb};
use clap::{CommandFactory, Parser};
use failure::Failure;
use std::process::ExitCode;

/// How a command ended well, or at least as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Valid = 0,
    /// The result is invalid.
    Invalid = 10,
    /// The envelope was violated.
    EnvelopeViolated = 13,
    /// The user stopped it.
    Interrupted = 130,
}

/// Parses the command line, does what it says and answers with the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap prints help and version on standard output and usage errors on standard error. A closed pipe is
            // no reason to fail.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let code = match perform(arguments.verb) {
        // A driver may still be at work for a batch that nobody waits for.
        Ok(Exit::Interrupted) => interrupts::leave(Exit::Interrupted as u8),
        Ok(exit) => exit as u8,
        Err(failure) => {
            say(&format!("error: {}", failure.message));
            failure.code
        }
    };
    if flight::left_behind() > 0 {
        say("the driver does not give the workloads back; the program ends without it");
        interrupts::leave(code);
    }
    ExitCode::from(code)
}

fn perform(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Bench(arguments) => bench::bench(&arguments),
        Verb::Simulate(arguments) => simulate::simulate(&arguments),
        Verb::Profile(verb) => profile::profile(&verb),
        Verb::Devices(arguments) => devices::devices(&arguments),
        Verb::Doctor(arguments) => doctor::doctor(&arguments),
        Verb::Models(verb) => models::models(&verb),
        Verb::Report(arguments) => results::report(&arguments),
        Verb::Verify(arguments) => results::verify(&arguments),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "dawndusk", &mut script);
            answer(&String::from_utf8_lossy(&script));
            Ok(Exit::Valid)
        }
    }
}

/// The answer, on standard output. A reader that went away (`| head`) is no error.
fn answer(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The answer as one JSON document.
fn answer_json<T: serde::Serialize>(document: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Failure::tool(format!("JSON: {error}")))?;
    answer(&format!("{text}\n"));
    Ok(())
}

/// The answer as one JSON document, or as a page for people.
fn answer_either<T: serde::Serialize>(json: bool, document: &T, page: impl FnOnce() -> String) -> Result<(), Failure> {
    if json {
        return answer_json(document);
    }
    answer(&page());
    Ok(())
}

/// A remark for people, on standard error.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks to people")]
fn say(text: &str) {
    eprintln!("{text}");
}

//! Why a command could not do what it was told, and the exit code that says so.

use crate::report::DirectoryError;

/// One clear message and its exit code.
#[derive(Debug)]
pub(super) struct Failure {
    /// Names the thing, the place and the allowed range.
    pub(super) message: String,
    /// Exit code.
    pub(super) code: u8,
}

impl Failure {
    /// The tool failed: exit code 1.
    pub(super) fn tool(message: impl ToString) -> Failure {
        Failure { message: message.to_string(), code: 1 }
    }

    /// What was asked for cannot be: exit code 2.
    pub(super) fn input(message: impl ToString) -> Failure {
        Failure { message: message.to_string(), code: 2 }
    }

    /// A required device or power source is missing: exit code 14.
    pub(super) fn missing(message: impl ToString) -> Failure {
        Failure { message: message.to_string(), code: 14 }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Failure {
        Failure::input(error)
    }
}

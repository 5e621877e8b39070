//! Logging in at a meter's web server: a password or a token from the environment, and whom to trust behind `https`.
//!
//! A password stands in no address and in no file of this program: `password_env` names the environment variable that
//! holds it (default [`PASSWORD`]). It is sent only to a server that asks for it, hashed where the server takes a hash
//! (digest, RFC 7616, MD5 or SHA-256), otherwise as it is (basic). A token (`token_env`) is sent with every question.

use super::probe::Refusal;
use crate::reading::NoData;
use http_auth::{PasswordClient, PasswordParams};
use std::path::PathBuf;

/// The environment variable of the password, unless another is named.
pub(super) const PASSWORD: &str = "DAWNDUSK_METER_PASSWORD";

/// The user, unless another is named: what Shelly's devices call theirs, and usual elsewhere.
const USER: &str = "admin";

/// How to log in, as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSettings {
    /// Name of the user.
    pub user: Option<String>,
    /// Environment variable that holds the password.
    pub password_env: Option<String>,
    /// Environment variable that holds a token.
    pub token_env: Option<String>,
    /// Certificates that are trusted in place of the public ones.
    pub certificate: Option<PathBuf>,
}

/// What is needed to log in.
pub(super) struct Access {
    user: String,
    password: Option<String>,
    token: Option<String>,
    variable: String,
    /// How the server wants the password, once it has asked.
    scheme: Option<PasswordClient>,
}

impl Access {
    /// Takes password and token from the environment.
    ///
    /// # Errors
    /// A variable that was named and is not set.
    pub(super) fn of(settings: &AccessSettings) -> Result<Access, Refusal> {
        let named = |variable: &str| {
            let missing = format!("the environment variable {variable} is not set, or is no text");
            std::env::var(variable).map_err(|_| Refusal::new(NoData::NoPermission, missing))
        };
        let token = settings.token_env.as_deref().map(named).transpose()?;
        let password = match &settings.password_env {
            Some(variable) => Some(named(variable)?),
            None => std::env::var(PASSWORD).ok(),
        };
        let variable = settings.password_env.clone().unwrap_or_else(|| PASSWORD.to_owned());
        let user = settings.user.clone().unwrap_or_else(|| USER.to_owned());
        Ok(Access { user, password, token, variable, scheme: None })
    }

    /// What goes into the header `Authorization` of a question for `path`, before the server has asked or after.
    pub(super) fn header(&mut self, path: &str) -> Option<String> {
        if let Some(token) = &self.token {
            return Some(format!("Bearer {token}"));
        }
        let (scheme, password) = (self.scheme.as_mut()?, self.password.as_ref()?);
        let question = PasswordParams { username: &self.user, password, uri: path, method: "GET", body: Some(&[]) };
        scheme.respond(&question).ok()
    }

    /// Takes what a server asks by; true where another try is worth it. Some controllers do not say how they want the
    /// password: they get it as it is where nobody else can read it.
    pub(super) fn is_asked(&mut self, challenges: &[&str], was_tried: bool, is_secure: bool) -> bool {
        if self.token.is_some() || self.password.is_none() || was_tried {
            return false;
        }
        let challenges = if challenges.is_empty() && is_secure { &["Basic realm=\"\""] } else { challenges };
        let builder = challenges.iter().fold(PasswordClient::builder(), |builder, text| builder.challenges(text));
        self.scheme = builder.build().ok();
        self.scheme.is_some()
    }

    /// Why a server that answered `status` does not let this program in, which `has_logged_in` or has not.
    pub(super) fn refusal(&self, status: u16, challenges: &[&str], has_logged_in: bool) -> Refusal {
        let scheme = challenges.iter().find_map(|text| text.split(' ').next()).unwrap_or("no scheme named");
        let no = |detail: String| Refusal::new(NoData::NoPermission, detail);
        match (status, self.token.is_some(), self.password.is_some()) {
            (403, ..) if !has_logged_in => {
                no("it answers nobody at this place without a login, or not this machine, and asks for no password (HTTP 403)".into())
                    .with_remedy("name a token with token_env=VARIABLE if it takes one, or let it answer this machine there")
            }
            (403, ..) => no("it knows this user and does not let it in (HTTP 403)".into())
                .with_remedy("give the user the right to read there, or name another with user=NAME"),
            (_, true, _) => no("it does not take the token (HTTP 401)".into())
                .with_remedy("make a new token, and put it into the variable that token_env names"),
            (_, _, true) if self.scheme.is_none() => {
                no(format!("it asks for a password in a way that is not known here ({scheme} authentication)"))
                    .with_remedy("let it use digest or basic authentication")
            }
            (_, _, true) => {
                no(format!("it does not take user {} and its password ({scheme} authentication)", self.user))
                    .with_remedy(format!("set {} to the password, and name the user with user=NAME", self.variable))
            }
            _ => no(format!("it asks for a password ({scheme} authentication)")).with_remedy(format!(
                "set the environment variable {} to the password (user {}), or switch its authentication off",
                self.variable, self.user
            )),
        }
    }
}

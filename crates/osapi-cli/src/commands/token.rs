//! `token`: made and checked with the signing key, revoked at the API server.

use std::io::Read as _;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::api::RevokeToken;
use osapi_core::permission::BuiltInRole;
use osapi_server::AuthenticationSettings;
use osapi_server::token::{Audience, Claims, MAX_LENGTH, Verifier};
use osapi_settings::SecretString;
use serde_json::json;

use crate::arguments::client::Submission;
use crate::arguments::token::{Generate, Token};
use crate::exit_status::ExitStatus;
use crate::failure::{Failure, chain};
use crate::remote::Remote;
use crate::render::{self, Table};
use crate::session::Session;
use crate::settings::{Need, Settings};

/// Does what `token` says.
pub(crate) fn run(session: &Session, command: Token) -> Result<ExitStatus, Failure> {
    match command {
        Token::Generate(arguments) => generate(session, &arguments),
        Token::Validate { token, text } => validate(session, &given(token.or(text))?),
        Token::Revoke { connection, token, id, reason } => {
            let remote = Remote::new(session, &connection, Submission::default())?;
            let token_id = match id {
                Some(id) => id,
                None => identity(&given(token)?)?,
            };
            remote.block_on(revoke(&remote, RevokeToken { token_id, reason }))
        }
        Token::Revoked { connection } => {
            let remote = Remote::new(session, &connection, Submission::default())?;
            remote.block_on(revoked(&remote))
        }
    }
}

/// Signs a token.
pub(super) fn issue(
    key: &SecretString,
    subject: &str,
    roles: &[String],
    lifetime: Duration,
) -> Result<String, Failure> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let claims = Claims::new(subject, roles.to_vec(), Timestamp::now(), seconds);
    osapi_server::token::issue(key, &claims).map_err(|error| Failure::of(&error))
}

/// What a token says, if it counts by the settings' own keys.
pub(super) fn verify(settings: &Settings, token: &str) -> Result<Claims, Failure> {
    let keys = &settings.api.keys;
    let authentication = AuthenticationSettings {
        signing_keys: [&keys.current, &keys.previous].into_iter().flatten().cloned().collect(),
        audiences: settings.api.audiences.clone(),
        issuer: settings.api.issuer.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::of(&error))?.block_on(async {
        let verifier = Verifier::new(&authentication).await.map_err(|error| Failure::of(&error))?;
        verifier
            .verify(token)
            .await
            .map_err(|fault| Failure::new(ExitStatus::Refused, format!("the token does not count: {}", chain(&fault))))
    })
}

fn generate(session: &Session, arguments: &Generate) -> Result<ExitStatus, Failure> {
    let settings = session.settings(Need::SigningKey)?;
    let Some(key) = &settings.api.keys.current else {
        return Err(Failure::usage("there is no signing key: the identity provider makes the tokens"));
    };
    for role in &arguments.roles {
        let known = BuiltInRole::named(role).is_some() || settings.api.roles.iter().any(|(name, _)| name == role);
        if !known {
            let own = settings.api.roles.iter().map(|(name, _)| name.as_str());
            let names: Vec<&str> = ["admin", "write", "read"].into_iter().chain(own).collect();
            return Err(Failure::usage(format!("there is no role `{role}`"))
                .with_hint(format!("there are `{}`; `api.server.security.roles` adds more", names.join("`, `"))));
        }
    }
    if arguments.subject.is_empty() {
        return Err(Failure::usage("the subject is empty: say who uses the token"));
    }
    let seconds = i64::try_from(arguments.expires_in.as_secs()).unwrap_or(i64::MAX);
    let mut claims = Claims::new(&arguments.subject, arguments.roles.clone(), Timestamp::now(), seconds);
    let direct: Vec<String> = arguments.permissions.iter().map(ToString::to_string).collect();
    claims.permissions = Some(direct).filter(|direct| !direct.is_empty());
    if !settings.api.audiences.is_empty() {
        claims.aud = Audience::Many(settings.api.audiences.clone());
    }
    let token = osapi_server::token::issue(key, &claims).map_err(|error| Failure::of(&error))?;
    let body = json!({
        "token": token, "subject": claims.sub, "roles": claims.roles, "permissions": claims.permissions.clone().unwrap_or_default(),
        "expires": time(claims.exp), "id": claims.jti,
    });
    // Bare on stdout, so that `> file` and `$(…)` get the token and nothing else.
    render::show(&session.printer, &body.to_string(), || token.clone())?;
    let until = Timestamp::from_second(claims.exp).map(render::local_time).unwrap_or_default();
    session.printer.say(&format!("for {} as {} until {until}", claims.sub, claims.roles.join(", ")));
    Ok(ExitStatus::Ok)
}

fn validate(session: &Session, token: &str) -> Result<ExitStatus, Failure> {
    let settings = session.settings(Need::SigningKey)?;
    let claims = verify(&settings, token)?;
    let effective = effective(&settings, &claims);
    let audience = match &claims.aud {
        Audience::One(one) => one.clone(),
        Audience::Many(many) => many.join(", "),
    };
    let body = json!({
        "subject": claims.sub, "roles": claims.roles, "permissions": claims.permissions.clone().unwrap_or_default(),
        "effective_permissions": effective, "audience": audience, "issued": time(claims.iat), "expires": time(claims.exp),
        "id": claims.jti,
    });
    render::show(&session.printer, &body.to_string(), || {
        let shown = |seconds: i64| Timestamp::from_second(seconds).map(render::local_time).unwrap_or_default();
        render::pairs(
            &session.printer,
            &[
                ("Subject", claims.sub.clone()),
                ("Roles", claims.roles.join(", ")),
                (
                    "Permissions",
                    match &claims.permissions {
                        Some(direct) if direct.is_empty() => "none".to_owned(),
                        Some(direct) => direct.join(", "),
                        None => "those of the roles".to_owned(),
                    },
                ),
                ("Effective permissions", effective.join(", ")),
                ("Audience", audience.clone()),
                ("Issued", shown(claims.iat)),
                ("Expires", shown(claims.exp)),
                ("ID", claims.jti.clone().unwrap_or_default()),
            ],
        )
    })?;
    Ok(ExitStatus::Ok)
}

/// Permissions as the server resolves them: direct ones, else those of the roles, the configuration's before the built-in.
fn effective(settings: &Settings, claims: &Claims) -> Vec<String> {
    if let Some(direct) = &claims.permissions {
        return direct.clone();
    }
    let of_role = |role: &String| match settings.api.roles.iter().find(|(name, _)| name == role) {
        Some((_, permissions)) => permissions.clone(),
        None => BuiltInRole::named(role).map(|role| role.permissions().into_iter().collect()).unwrap_or_default(),
    };
    let all: std::collections::BTreeSet<_> = claims.roles.iter().flat_map(of_role).collect();
    all.into_iter().map(|permission| permission.to_string()).collect()
}

fn time(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

/// The token on the command line, or the first line of stdin for `-`.
fn given(token: Option<String>) -> Result<String, Failure> {
    let text = token.unwrap_or_default();
    if text != "-" {
        return Ok(text.trim().to_owned());
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(2 * MAX_LENGTH as u64).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("cannot read the token from stdin: {error}")))?;
    Ok(text.trim().to_owned())
}

/// The identity of a token, read without checking it: the server decides what it is worth.
fn identity(token: &str) -> Result<String, Failure> {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(token);
    let claims = claims.map_err(|error| Failure::usage(format!("this is not a token: {error}")))?.claims;
    claims.jti.ok_or_else(|| {
        Failure::usage("the token has no identity (`jti`), so it cannot be revoked by itself")
            .with_hint("change `api.server.security.signing_key` to end all tokens at once")
    })
}

async fn revoke(remote: &Remote, request: RevokeToken) -> Result<ExitStatus, Failure> {
    let answer = remote.client.token_revoke(&request).await.map_err(|error| remote.failure(&error))?;
    remote.show(&answer, |it, _| it.token_id.clone())?;
    remote.printer.say("the token counts no more");
    Ok(ExitStatus::Ok)
}

async fn revoked(remote: &Remote) -> Result<ExitStatus, Failure> {
    let answer = remote.client.token_revocation_list().await.map_err(|error| remote.failure(&error))?;
    remote.show(&answer, |list, printer| {
        let mut table = Table::new(["TOKEN ID", "REVOKED", "BY", "REASON"]);
        for it in &list.items {
            let reason = it.reason.clone().unwrap_or_default();
            table.row([it.token_id.clone(), render::local_time(it.revoked_at), it.revoked_by.clone(), reason]);
        }
        table.text(printer)
    })?;
    Ok(ExitStatus::Ok)
}

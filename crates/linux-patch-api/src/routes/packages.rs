//! `/packages`: what is installed.

use std::cmp::Ordering;

use axum::extract::State;
use http::StatusCode;
use osapi_core::Operation;
use osapi_core::package::{Package, PackageFilter, PackageList, PackageStatus};
use serde::Deserialize;

use crate::agent::Agent;
use crate::envelope::{Data, Problem};
use crate::query::Parameters;

/// The parameters of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: Option<String>,
    status: Option<Status>,
    upgradable: Option<Flag>,
    sort: Option<Sort>,
    #[serde(default)]
    order: Order,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Installed,
    Upgradable,
    Available,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Flag {
    True,
    False,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Name,
    Version,
    Status,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Asc,
    Desc,
}

pub(crate) async fn list(State(agent): State<Agent>, parameters: Parameters) -> Result<Data<PackageList>, Problem> {
    let wanted: Wanted = parameters.read()?;
    wanted.supported()?;
    let filter = PackageFilter { name: wanted.name.clone() };
    let mut list: PackageList = agent.ask(Operation::PackageListGet(filter)).await?;
    if wanted.status == Some(Status::Installed) {
        list.packages.retain(|package| package.status == PackageStatus::Installed);
        list.total = list.packages.len();
    }
    if let Some(sort) = wanted.sort {
        list.packages.sort_by(|one, other| sort.compare(one, other));
    }
    if wanted.order == Order::Desc {
        list.packages.reverse();
    }
    Ok(Data(list))
}

impl Wanted {
    /// What is not known here is not answered with an empty list, which would look like "nothing to upgrade".
    fn supported(&self) -> Result<(), Problem> {
        let beyond = matches!(self.status, Some(Status::Upgradable | Status::Available));
        if beyond || self.upgradable == Some(Flag::True) {
            let message = "only installed packages are known yet: `status=upgradable`, `status=available` and \
                           `upgradable=true` are not built";
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "UNSUPPORTED", message));
        }
        Ok(())
    }
}

impl Sort {
    fn compare(self, one: &Package, other: &Package) -> Ordering {
        match self {
            Self::Name => one.name.cmp(&other.name),
            Self::Version => one.version.cmp(&other.version),
            Self::Status => (one.status as u8).cmp(&(other.status as u8)),
        }
    }
}

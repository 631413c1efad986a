//! The `package.*` operations.

use osapi_core::Failure;
use osapi_core::package::{PackageFilter, PackageList};

use crate::{Context, System};

pub(crate) async fn list(
    _system: &System,
    _filter: &PackageFilter,
    _context: &Context,
) -> Result<PackageList, Failure> {
    std::future::ready(Err(Failure::unsupported("`package.list.get` is not built yet"))).await
}

//! Whether a folder that is to be written to lies where its path says, or a link leads elsewhere.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Refuses a folder that a symbolic link below `base` leads out of it; `base` itself may be a link.
///
/// What came with data of others must not choose where we write. Folders that are not there yet lead nowhere.
///
/// # Errors
///
/// If a link leads out of `base` or nowhere, or a folder cannot be looked at.
pub fn check(base: &Path, folder: &Path) -> Result<()> {
    let is_there = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let below = folder.ancestors().take_while(|path| *path != base);
    let Some(deepest) = below.into_iter().find(is_there) else {
        return Ok(());
    };
    let real_base = fs::canonicalize(base).map_err(Error::io("read", base))?;
    let outside = match fs::canonicalize(deepest) {
        Ok(real) => !real.starts_with(&real_base),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::io("read", deepest)(error)),
    };
    if !outside {
        return Ok(());
    }
    let problem = format!("is behind a link that leaves `{}`", base.display());
    let remedy = "remove the link; to keep data on another disk, link that folder as a whole";
    Err(Error::file(folder, problem, remedy))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_may_lead_about_inside_but_not_out() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, base) = (folder.path().join("disk"), folder.path().join("base"));
        fs::create_dir_all(disk.join("net/layer")).unwrap();
        fs::create_dir_all(folder.path().join("outside")).unwrap();
        symlink("disk", &base).unwrap();
        symlink("net", disk.join("same")).unwrap();
        symlink("../outside", disk.join("out")).unwrap();
        symlink("../../outside", disk.join("net/up")).unwrap();
        symlink("nowhere", disk.join("gone")).unwrap();
        for good in ["net", "net/layer", "same/layer", "new", "net/new/new"] {
            check(&base, &base.join(good)).unwrap();
        }
        for bad in [
            "out",
            "out/new",
            "net/up",
            "same/up/new",
            "gone",
            "gone/new",
        ] {
            let text = check(&base, &base.join(bad)).unwrap_err().to_string();
            assert!(
                text.contains("is behind a link that leaves"),
                "{bad}: {text}"
            );
        }
        check(&folder.path().join("no"), &folder.path().join("no/net")).unwrap();
    }
}

//! From `/proc/self/mountinfo` to the mounts worth measuring. Pure.

use std::collections::BTreeMap;

/// A mount of a real file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) mount_point: String,
    pub(super) source: String,
    pub(super) file_system: String,
    /// Whether asking it may wait for another machine or process.
    pub(super) may_hang: bool,
    /// `major:minor` of its super block: the same for all that show one file system.
    device: String,
    /// Which directory of the file system is mounted.
    root: String,
}

/// File systems whose answer comes from another machine or from a process.
const DISTANT: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
    "virtiofs",
    "vboxsf",
    "fuse",
    "fuseblk",
];

/// Storage that is not mounted from a device of `/dev`.
const STORAGE: &[&str] = &["bcachefs", "btrfs", "zfs"];

/// Images that are always full, even when they come from a device.
const IMAGES: &[&str] = &["cramfs", "erofs", "iso9660", "romfs", "squashfs"];

/// Processes that show something other than storage as a file system.
const SHOWS: &[&str] = &["fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fuse.snapfuse", "fuse.squashfuse", "fusectl"];

/// The mounts of real file systems, each file system once, sorted by mount point.
pub(super) fn real(mountinfo: &str) -> Vec<Mount> {
    // A later mount hides an earlier one at the same place.
    let visible: BTreeMap<String, Mount> =
        mountinfo.lines().filter_map(parse).map(|mount| (mount.mount_point.clone(), mount)).collect();
    let distant: Vec<String> =
        visible.values().filter(|mount| mount.may_hang).map(|mount| format!("{}/", mount.mount_point)).collect();
    let mut chosen: BTreeMap<String, Mount> = BTreeMap::new();
    for mut mount in visible.into_values().filter(is_storage) {
        // The way to a mount below one that hangs hangs too.
        mount.may_hang |= distant.iter().any(|above| mount.mount_point.starts_with(above));
        let better = chosen.get(&mount.device).is_none_or(|known| rank(&mount) < rank(known));
        if better {
            chosen.insert(mount.device.clone(), mount);
        }
    }
    let mut mounts: Vec<Mount> = chosen.into_values().collect();
    mounts.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    mounts
}

/// Among mounts of one file system: the root of the host, then that of the file system, then the shortest path.
fn rank(mount: &Mount) -> (bool, bool, usize) {
    (mount.mount_point != "/", mount.root != "/", mount.mount_point.len())
}

fn is_storage(mount: &Mount) -> bool {
    let kind = mount.file_system.as_str();
    let shown = STORAGE.contains(&kind) || mount.may_hang || mount.source.starts_with("/dev/");
    // Whatever is at `/` counts, be it an overlay or a RAM disk: it is what fills up.
    mount.mount_point == "/" || (shown && !IMAGES.contains(&kind) && !SHOWS.contains(&kind) && kind != "devtmpfs")
}

fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(2);
    let (device, root, mount_point) = (before.next()?, before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (file_system, source) = (after.next()?, after.next()?);
    Some(Mount {
        mount_point: unescape(mount_point),
        source: unescape(source),
        may_hang: DISTANT.contains(&file_system) || file_system.starts_with("fuse."),
        file_system: file_system.to_owned(),
        device: device.to_owned(),
        root: unescape(root),
    })
}

/// The kernel writes blank, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                plain.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(mountinfo: &str) -> Vec<(String, bool)> {
        real(mountinfo).into_iter().map(|mount| (mount.mount_point, mount.may_hang)).collect()
    }

    #[test]
    fn pseudo_file_systems_and_images_are_left_out() {
        let table = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:22 / /run rw - tmpfs tmpfs rw
25 22 0:6 / /dev rw - devtmpfs udev rw
26 22 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
27 22 0:40 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw
28 22 0:41 / /tank rw - zfs tank rw
29 22 8:2 / /boot/efi rw - vfat /dev/sda2 rw
30 22 0:42 / /sys/fs/fuse/connections rw - fusectl fusectl rw
31 22 0:43 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
";
        assert_eq!(
            points(table),
            [("/", false), ("/boot/efi", false), ("/tank", false)].map(|(p, h)| (p.to_owned(), h))
        );
    }

    #[test]
    fn a_file_system_appears_once_by_its_best_name() {
        let table = "\
22 1 0:30 /@ / rw - btrfs /dev/sda1 rw
23 22 0:30 /@home /home rw - btrfs /dev/sda1 rw
24 22 8:2 /data/a /a rw - ext4 /dev/sdb1 rw
25 22 8:2 / /mnt/longer rw - ext4 /dev/sdb1 rw
26 22 8:3 / /hidden rw - ext4 /dev/sdc1 rw
27 22 8:4 / /hidden rw - xfs /dev/sdd1 rw
";
        assert_eq!(
            points(table),
            [("/", false), ("/hidden", false), ("/mnt/longer", false)].map(|(p, h)| (p.to_owned(), h))
        );
        assert_eq!(real(table)[1].file_system, "xfs");
    }

    #[test]
    fn what_lies_elsewhere_may_hang_and_so_may_what_lies_below_it() {
        let table = "\
22 1 0:50 / / rw - overlay overlay rw
23 22 0:51 / /net rw - nfs4 server:/export rw
24 23 8:9 / /net/local rw - ext4 /dev/sdz1 rw
25 22 0:52 / /sshfs\\040home rw - fuse.sshfs me@server: rw
26 22 8:10 / /network rw - ext4 /dev/sdy1 rw
";
        let expected = [("/", false), ("/net", true), ("/net/local", true), ("/network", false), ("/sshfs home", true)];
        assert_eq!(points(table), expected.map(|(p, h)| (p.to_owned(), h)));
    }

    #[test]
    fn escapes_and_broken_lines_do_no_harm() {
        assert_eq!(unescape("a\\040b\\134c\\011\\\\9"), "a b\\c\t\\\\9");
        assert_eq!(unescape("ende\\0"), "ende\\0");
        assert_eq!(unescape("\\é"), "\\é");
        assert_eq!(points("garbage\n1 2 3\n - \n22 1 8:1 / / rw - ext4\n"), []);
    }
}

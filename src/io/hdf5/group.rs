//! Groups, and what is in them.

use hdf5_pure::FormatError;

use super::{Attributes, Dataset, Hdf5};
use crate::error::Result;

/// A group of an open file.
#[derive(Debug)]
pub struct Group<'a> {
    file: &'a Hdf5,
    group: hdf5_pure::Group,
    /// From the root, `/vmap/stimulus` for instance; empty for the root itself.
    name: String,
}

/// What a name in a group stands for.
#[derive(Debug)]
pub enum Member<'a> {
    /// An array.
    Dataset(Dataset<'a>),
    /// Another group.
    Group(Group<'a>),
}

impl<'a> Group<'a> {
    pub(super) fn new(file: &'a Hdf5, group: hdf5_pure::Group, name: String) -> Self {
        Group { file, group, name }
    }

    /// Its name from the root of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.name.as_str() {
            "" => "/",
            name => name,
        }
    }

    /// All arrays and groups in it, by name and in that order. Named types, external links and, but in groups of the
    /// oldest layout, soft links are left out.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn members(&self) -> Result<Vec<(String, Member<'a>)>> {
        let cannot = |cause| self.damaged(&cause);
        let datasets = self.group.iter_datasets().map_err(cannot)?;
        let groups = self.group.iter_groups().map_err(cannot)?;
        let mut members = Vec::new();
        for (name, dataset) in datasets {
            let dataset = Dataset::new(self.file, dataset, self.full(&name))?;
            members.push((name, Member::Dataset(dataset)));
        }
        for (name, group) in groups {
            let group = Group::new(self.file, group, self.full(&name));
            members.push((name, Member::Group(group)));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(members)
    }

    /// The member of this name, if there is one.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub fn member(&self, name: &str) -> Result<Option<Member<'a>>> {
        use hdf5_pure::Error::{Format, NotADataset, NotAGroup};
        // A path would lead to other groups.
        if name.contains('/') || matches!(name, "" | ".") {
            return Ok(None);
        }
        match self.group.dataset(name) {
            Ok(dataset) => {
                let dataset = Dataset::new(self.file, dataset, self.full(name))?;
                Ok(Some(Member::Dataset(dataset)))
            }
            Err(NotADataset(_)) => match self.group.group(name) {
                Ok(group) => Ok(Some(Member::Group(Group::new(
                    self.file,
                    group,
                    self.full(name),
                )))),
                // A type that has a name.
                Err(NotAGroup(_)) => Ok(None),
                Err(cause) => Err(self.damaged(&cause)),
            },
            Err(Format(FormatError::PathNotFound(_))) => Ok(None),
            Err(cause) => Err(self.damaged(&cause)),
        }
    }

    /// The array of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or the file is damaged.
    pub fn dataset(&self, name: &str) -> Result<Dataset<'a>> {
        match self.member(name)? {
            Some(Member::Dataset(dataset)) => Ok(dataset),
            Some(Member::Group(group)) => {
                let problem = format!("its `{}` is a group, not an array", group.name());
                Err(self.file.other_kind(problem))
            }
            None => {
                let full = self.full(name);
                Err(self.file.other_kind(format!("it has no `{full}`")))
            }
        }
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        let (types, values) = (self.group.attr_datatypes(), self.group.attrs());
        Attributes::new(self.file, self.name(), types, values)
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.name)
    }

    fn damaged(&self, cause: &hdf5_pure::Error) -> crate::error::Error {
        self.file.damaged(&format!("`{}`", self.name()), cause)
    }
}

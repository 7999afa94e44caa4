//! A file for each sector.
use super::Hash;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub struct SectorStore {
    folder: PathBuf,
}

impl SectorStore {
    pub fn create(folder: &Path) -> io::Result<SectorStore> {
        fs::create_dir_all(folder)?;
        Ok(SectorStore { folder: folder.into() })
    }

    pub fn has(&self, root: &Hash) -> bool {
        self.path(root).exists()
    }

    pub fn write(&self, root: &Hash, sector: &[u8]) -> io::Result<()> {
        fs::write(self.path(root), sector)
    }

    /// None: the host does not have it.
    pub fn read(&self, root: &Hash) -> io::Result<Option<Vec<u8>>> {
        missing_is_none(fs::read(self.path(root)))
    }

    /// False: the host did not have it.
    pub fn remove(&self, root: &Hash) -> io::Result<bool> {
        Ok(missing_is_none(fs::remove_file(self.path(root)))?.is_some())
    }

    fn path(&self, root: &Hash) -> PathBuf {
        self.folder.join(hex::encode(root))
    }
}

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

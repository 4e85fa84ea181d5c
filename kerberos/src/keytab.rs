//! Keys from a keytab that is named by its path.
//!
//! The portable way is the environment variable `KRB5_KTNAME`, and changing the environment of a running process is
//! unsound as soon as it has a second thread. MIT's credential store extension takes the path as an argument; libgssapi
//! does not wrap it, so the one unsafe call of this workspace is here.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libgssapi::credential::Cred;
use libgssapi::error::{Error, MajorFlags};
use libgssapi_sys as sys;

use crate::failure::Doing;
use crate::{Failure, FailureKind};

/// Acceptor credentials of every key in the file.
pub(crate) fn acquire(path: &Path) -> Result<Cred, Failure> {
    let shown = path.display().to_string();
    let keytab_failure = |detail: String| Failure::new(FailureKind::Keytab { keytab: shown.clone() }, detail);
    // The library opens the file only when the first client comes; the start is a better time to hear about it.
    std::fs::File::open(path).map_err(|e| keytab_failure(e.to_string()))?;
    let value = CString::new([b"FILE:", path.as_os_str().as_bytes()].concat())
        .map_err(|_| keytab_failure("the path contains a zero byte".into()))?;
    let mut element = sys::gss_key_value_element_desc { key: c"keytab".as_ptr(), value: value.as_ptr() };
    let store = sys::gss_key_value_set_desc { count: 1, elements: &mut element };
    let mut minor = 0;
    let mut credential: sys::gss_cred_id_t = ptr::null_mut();
    // SAFETY: every pointer is valid for the call: `store`, `element` and both C strings outlive it, the library copies
    // what it keeps, null means "default" for name, mechanisms and the two outputs that are not wanted (MIT krb5,
    // gssapi_ext.h), and `credential` starts as GSS_C_NO_CREDENTIAL.
    let major = unsafe {
        sys::gss_acquire_cred_from(
            &mut minor,
            ptr::null_mut(),
            sys::_GSS_C_INDEFINITE,
            ptr::null_mut(),
            sys::GSS_C_ACCEPT.cast_signed(),
            &store,
            &mut credential,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if major != sys::GSS_S_COMPLETE {
        let error = Error { major: MajorFlags::from_bits_retain(major), minor };
        return Err(Failure::from_library(&error, Doing::ReadKeytab(&shown)));
    }
    // SAFETY: the call succeeded, so `credential` is a handle that nobody else owns.
    Ok(unsafe { Cred::from_c(credential) })
}

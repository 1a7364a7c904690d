// Package secretfile opens files that hold a password or a key.
package secretfile

import (
	"fmt"
	"os"
	"runtime"
)

// Open opens a file that nobody but owner and group may read, nor anybody but
// the owner write: 0600, 0400, and 0440 as systemd gives credentials. Windows
// has no such modes, and nothing is asked there.
func Open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if mode := st.Mode().Perm(); runtime.GOOS != "windows" && mode&0o027 != 0 {
		f.Close()
		return nil, fmt.Errorf("%s: mode %04o lets others read or change a secret; chmod 600", path, mode)
	}
	return f, nil
}

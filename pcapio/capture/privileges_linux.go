package capture

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// UserIDs gives the numbers of a user, given by name or number, and of that
// user's group.
func UserIDs(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return 0, 0, fmt.Errorf("capture: user %s: %w", name, err)
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, fmt.Errorf("capture: user %s: %w", name, err)
	}
	return uid, gid, nil
}

// DropPrivileges makes all threads of the process run as a user, given by name
// or number, with that user's group and no others. The capabilities of root
// are gone with it; open sockets stay as they are. Only root can do it; for
// the user who runs already it does nothing.
func DropPrivileges(name string) error {
	uid, gid, err := UserIDs(name)
	if err != nil {
		return err
	}
	if uid == 0 {
		return fmt.Errorf("capture: user %s is root", name)
	}
	if os.Getuid() == uid && os.Geteuid() == uid {
		return nil
	}
	// The order matters: once the user is changed, groups cannot be.
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("capture: supplementary groups of %s: %w", name, err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("capture: group of %s: %w", name, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("capture: user %s: %w", name, err)
	}
	if os.Getuid() != uid || os.Geteuid() != uid || syscall.Setuid(0) == nil {
		return fmt.Errorf("capture: the process did not become user %s", name)
	}
	return nil
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// isolated is set in the process that has the namespaces.
const isolated = "PCAPLINE_LAB_ISOLATED"

// Isolated says whether this process was started by [Isolate].
func Isolated() bool { return os.Getenv(isolated) != "" && os.Getpid() == 1 }

// Isolate runs a program in namespaces of its own and returns its error, an
// *exec.ExitError when it ended with another status than 0. When ctx ends it
// gets SIGTERM, and SIGKILL ten seconds later. When this process dies, it dies.
func Isolate(ctx context.Context, program string, args []string, stdout, stderr io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("namespaces of their own with bridges in them take root: run it with sudo")
	}
	runtime.LockOSThread() // a parent's death is that of its thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program)
	cmd.Args, cmd.Env, cmd.Stdout, cmd.Stderr = args, append(os.Environ(), isolated+"=1"), stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // ^C at the terminal comes by way of ctx
	}
	return cmd.Run()
}

// furnish makes the mounts that the lab's programs need, seen by nobody else:
// /proc of the new process namespace, a file system in memory over /run, and
// the lab's own resolver.
func furnish(resolver string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	resolv, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := unix.Mount("none", "/run", "tmpfs", 0, "mode=755,size=512m"); err != nil {
		return fmt.Errorf("mount a file system in memory on /run: %w", err)
	}
	for _, dir := range []string{runDir, "/run/netns"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if resolv == "" || resolver == "" {
		return nil
	}
	own := runDir + "/resolv.conf"
	if err := os.WriteFile(own, []byte("nameserver "+resolver+"\noptions timeout:2 attempts:1\n"), 0o644); err != nil {
		return err
	}
	if _, err := os.Lstat(resolv); errors.Is(err, os.ErrNotExist) { // it was below /run
		if err := os.MkdirAll(filepath.Dir(resolv), 0o755); err != nil {
			return err
		}
		return os.WriteFile(resolv, []byte("nameserver "+resolver+"\n"), 0o644)
	}
	if err := unix.Mount(own, resolv, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the lab's resolver on %s: %w", resolv, err)
	}
	return nil
}

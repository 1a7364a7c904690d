//go:build unix

package main

import (
	"os"
	"syscall"
)

// statisticsSignal asks a capture for its statistics.
var statisticsSignal os.Signal = syscall.SIGUSR1

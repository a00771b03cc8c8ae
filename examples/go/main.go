// SPDX-License-Identifier: MIT

// Start a program, give it a name, and wait for it by the name: go run main.go
// NAME COMMAND [ARGUMENT...]
//
// Go's runtime forks by itself, so the child is opened by its pid, which stays
// its own until Wait reaps it. Reading the name parks a goroutine, not a thread.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// From uapi/procfd.h.
const (
	iocOpen  = 0x4008d603
	iocFlink = 0x4018d604
)

type procfdOpen struct {
	pid   int32
	flags uint32
}

type procfdFlink struct {
	fd, dirfd       int32
	name            uint64
	flags, reserved uint32
}

func ioctl(file *os.File, request uintptr, argument unsafe.Pointer) (int, error) {
	value, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), request,
		uintptr(argument))
	if errno != 0 {
		return -1, errno
	}
	return int(value), nil
}

// link opens a process and gives it a name. What it opens on the way is closed.
func link(pid int, path string) error {
	device, err := os.Open("/dev/procfd")
	if err != nil {
		return err
	}
	defer device.Close()
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer directory.Close()
	fd, err := ioctl(device, iocOpen, unsafe.Pointer(&procfdOpen{pid: int32(pid)}))
	if err != nil {
		return &os.PathError{Op: "open", Path: fmt.Sprint("process ", pid), Err: err}
	}
	process := os.NewFile(uintptr(fd), path)
	defer process.Close()
	name, err := syscall.BytePtrFromString(filepath.Base(path))
	if err != nil {
		return err
	}
	_, err = ioctl(device, iocFlink, unsafe.Pointer(&procfdFlink{
		fd: int32(fd), dirfd: int32(directory.Fd()),
		name: uint64(uintptr(unsafe.Pointer(name))),
	}))
	runtime.KeepAlive(name)
	if err != nil {
		return &os.PathError{Op: "link", Path: path, Err: err}
	}
	return nil
}

// outcome waits until the process of a name has exited, and says how.
func outcome(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	record, err := io.ReadAll(file)
	first, _, _ := strings.Cut(string(record), "\n")
	return first, err
}

func run(path string, command []string) error {
	child := exec.Command(command[0], command[1:]...)
	if err := child.Start(); err != nil {
		return err
	}
	if err := link(child.Process.Pid, path); err != nil {
		child.Process.Kill()
		child.Wait()
		return err
	}
	waiting := make(chan error, 1)
	go func() {
		how, err := outcome(path)
		if err == nil {
			fmt.Println(how)
		}
		waiting <- err
	}()
	child.Wait()
	return <-waiting
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: go-example NAME COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

/*
 * Has SIGQUIT to a client raise SIGURG, which Java can be told of: a JVM keeps SIGQUIT to itself and
 * answers it by a thread dump (docs/decisions/0022). Loaded by dev.runnel.cli.QuitSignal. It uses no
 * C library, so that one file serves them all. Built by build.sh, beside it.
 */

#define SIGQUIT 3
#define SIGURG 23
#define SA_RESTORER 0x04000000UL
#define SA_ONSTACK 0x08000000UL
#define SA_RESTART 0x10000000UL
#define SIGSET_BYTES 8
#define JNI_VERSION_1_8 0x00010008
#define JNI_ERR (-1)

#if defined(__x86_64__)

#define RT_SIGACTION 13
#define GETPID 39
#define KILL 62
#define FLAGS (SA_RESTART | SA_ONSTACK | SA_RESTORER)

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}

/* rt_sigreturn(2), to which a handler returns. */
__attribute__((naked)) static void sigreturn(void) { __asm__ volatile("mov $15, %eax\n\tsyscall"); }

#define RESTORER sigreturn

#elif defined(__aarch64__)

#define RT_SIGACTION 134
#define GETPID 172
#define KILL 129
#define FLAGS (SA_RESTART | SA_ONSTACK)

static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}

/* The kernel has its own. */
#define RESTORER 0

#endif

/* As the kernel has it. */
struct action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  unsigned long mask;
};

/* Whatever thread it interrupts: two system calls, and no memory. */
static void pass_on(int signal) {
  (void)signal;
  call(KILL, call(GETPID, 0, 0, 0, 0), SIGURG, 0, 0);
}

__attribute__((visibility("default"))) int JNI_OnLoad(void *vm, void *reserved) {
  (void)vm;
  (void)reserved;
  struct action action = {pass_on, FLAGS, RESTORER, 0};
  return call(RT_SIGACTION, SIGQUIT, (long)&action, 0, SIGSET_BYTES) == 0 ? JNI_VERSION_1_8
                                                                         : JNI_ERR;
}

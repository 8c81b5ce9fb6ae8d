// One C function for each kernel that calls it, and one that says what its parameters are, for launch.py.
#pragma once

template <class T> struct __sim_value {
  static constexpr char kind = __sim_kind<T>;
  static constexpr size_t size = sizeof(T);
};
template <> struct __sim_value<void> {
  static constexpr char kind = 's';
  static constexpr size_t size = 1;
};
template <class T> struct __sim_bared { typedef T type; static constexpr char access = 'w'; };
template <class T> struct __sim_bared<const T> { typedef T type; static constexpr char access = 'r'; };
template <class T> struct __sim_bared<volatile T> { typedef T type; static constexpr char access = 'w'; };
template <class T> struct __sim_bared<const volatile T> { typedef T type; static constexpr char access = 'r'; };
template <class T> struct __sim_parameter {  // "f4,": a float by value
  static char* say(char* out) { *out++ = __sim_value<T>::kind; return number(out, __sim_value<T>::size); }
  static char* number(char* out, size_t n) {
    char digits[20]; int k = 0;
    do digits[k++] = '0' + n % 10; while (n /= 10);
    while (k) *out++ = digits[--k];
    *out++ = ',';
    return out;
  }
};
template <class T> struct __sim_parameter<T*> {  // "prf4,": a pointer, to be read only, to floats
  static char* say(char* out) {
    typedef __sim_bared<T> bared;
    *out++ = 'p'; *out++ = bared::access;
    *out++ = __sim_value<typename bared::type>::kind;
    return __sim_parameter<int>::number(out, __sim_value<typename bared::type>::size);
  }
};
template <size_t... I> struct __sim_numbers {};
template <size_t N, size_t... I> struct __sim_count : __sim_count<N - 1, N - 1, I...> {};
template <size_t... I> struct __sim_count<0, I...> { typedef __sim_numbers<I...> type; };
// As a driver does it: sizeof(A) bytes are copied from where args[I] points.
template <class... A, size_t... I>
__sim_inline void __sim_apply(void (*kernel)(A...), void** args, __sim_numbers<I...>) {
  kernel(*(typename __sim_bared<A>::type*)args[I]...);
}
template <class... A> __sim_inline void __sim_call(void (*kernel)(A...), void** args) {
  __sim_apply(kernel, args, typename __sim_count<sizeof...(A)>::type());
}
template <class... A> void __sim_say(void (*)(A...), char* out) {
  *out = 0;
  ((out = __sim_parameter<typename __sim_bared<A>::type>::say(out)), ...);
  *out = 0;
}
#define __sim_exported __attribute__((no_sanitize("thread"), visibility("default")))
#ifdef __SIM_CHECK
#define __sim_unknown volatile  // or else clang 14 puts the kernel into its caller, where nothing is looked at
#else
#define __sim_unknown
#endif
#define __sim_kernel(name, bound)                                              \
  extern "C" __sim_exported void __sim_run_##name(void** args) {               \
    static decltype(&name) __sim_unknown kernel = name;                        \
    __sim_call(kernel, args);                                                  \
  }                                                                            \
  extern "C" __sim_exported int __sim_about_##name(char* out) {                \
    __sim_say(&name, out);                                                     \
    return bound;                                                              \
  }

/// `strftime` in English, of a time that the caller tells.
enum TemplateTime {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    static func text(_ clock: TemplateClock, _ format: TemplateText) throws(ChatTemplateError) -> TemplateText {
        var out: [UInt32] = []
        var index = 0
        while index < format.count {
            let unit = format.units[index]
            index += 1
            guard TemplateText.scalar(unit) == "%", index < format.count else {
                out.append(unit)
                continue
            }
            var directive = TemplateText.scalar(format.units[index])
            index += 1
            let isUnpadded = directive == "-" && index < format.count
            if isUnpadded {
                directive = TemplateText.scalar(format.units[index])
                index += 1
            }
            guard var field = field(clock, directive) else {
                throw .invalidOperation(problem: "strftime_now does not know %\(directive)")
            }
            if isUnpadded { while field.count > 1, field.first == "0" { field.removeFirst() } }
            TemplateText.append(field, like: unit, &out)
        }
        return TemplateText(out)
    }

    private static func field(_ clock: TemplateClock, _ directive: Unicode.Scalar) -> String? {
        let month = name(months, clock.month, first: 1)
        let weekday = name(weekdays, clock.weekday, first: 0)
        let hour12 = (clock.hour % 12 + 11) % 12 + 1
        switch directive {
        case "Y": return String(clock.year)
        case "y": return padded(clock.year % 100, 2)
        case "m": return padded(clock.month, 2)
        case "d": return padded(clock.day, 2)
        case "e": return padded(clock.day, 2, with: " ")
        case "H": return padded(clock.hour, 2)
        case "I": return padded(hour12, 2)
        case "M": return padded(clock.minute, 2)
        case "S": return padded(clock.second, 2)
        case "p": return clock.hour < 12 ? "AM" : "PM"
        case "B": return month
        case "b", "h": return String(month.prefix(3))
        case "A": return weekday
        case "a": return String(weekday.prefix(3))
        case "w": return String(clock.weekday)
        case "u": return String(clock.weekday == 0 ? 7 : clock.weekday)
        case "j": return padded(dayOfYear(clock), 3)
        case "F": return "\(clock.year)-\(padded(clock.month, 2))-\(padded(clock.day, 2))"
        case "D": return "\(padded(clock.month, 2))/\(padded(clock.day, 2))/\(padded(clock.year % 100, 2))"
        case "T": return "\(padded(clock.hour, 2)):\(padded(clock.minute, 2)):\(padded(clock.second, 2))"
        case "R": return "\(padded(clock.hour, 2)):\(padded(clock.minute, 2))"
        case "n": return "\n"
        case "t": return "\t"
        case "%": return "%"
        default: return nil
        }
    }

    private static func name(_ names: [String], _ number: Int, first: Int) -> String {
        (first..<first + names.count).contains(number) ? names[number - first] : "?"
    }

    private static func padded(_ number: Int, _ width: Int, with filler: String = "0") -> String {
        let text = String(number)
        return String(repeating: filler, count: max(0, width - text.count)) + text
    }

    private static func dayOfYear(_ clock: TemplateClock) -> Int {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let isLeap = clock.year % 4 == 0 && (clock.year % 100 != 0 || clock.year % 400 == 0)
        let months = min(max(clock.month - 1, 0), 12)
        return lengths.prefix(months).reduce(clock.day, &+) &+ (isLeap && clock.month > 2 ? 1 : 0)
    }
}
